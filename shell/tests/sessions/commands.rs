//! HELP, and what holds for every command.

use proptest::prelude::*;

use crate::double::{Double, User};

#[test]
fn help_shows_topics_by_name_abbreviation_and_component() {
    let mut user = User::before_ipl("CMSUSER");
    user.add_disk(0x190, "CMS190", 180);
    user.has_file(0x190, "LISTFILE HELPCMS", 2, &["LISTFILE", "lists files"]);
    user.has_file(0x190, "QUERY HELPCMS", 2, &["QUERY of CMS"]);
    user.has_file(0x190, "QUERY HELPCP", 2, &["QUERY of CP"]);
    user.ipl("AUTOCR", &[]);
    assert_eq!(user.does("help listfile"), ["LISTFILE", "lists files"]);
    assert_eq!(user.does("h l"), ["LISTFILE", "lists files"]);
    assert_eq!(user.does("help query"), ["QUERY of CMS"]);
    assert_eq!(user.does("help cp q"), ["QUERY of CP"]);
    let menu = user.does("help");
    assert!(menu.contains(&"LISTFILE  QUERY".to_string()), "{menu:?}");
    let (code, shown) = user.fails("help nothing");
    let unknown = "DMSHLP254E HELP cannot find the information you requested: NOTHING";
    assert_eq!((code, shown), (28, vec![unknown.into()]));
}

#[test]
fn help_knows_the_words_that_a_syntax_begins_with() {
    let mut user = User::before_ipl("CMSUSER");
    user.add_disk(0x190, "CMS190", 180);
    let message = ["# MESSAGE", "## Syntax", "    Message  text", "    MSGNOH   text", "       OTHER", "## Example", "    EXample"];
    user.has_file(0x190, "MESSAGE HELPCP", 2, &message);
    user.has_file(0x190, "DEFINE HELPCP", 2, &["## Syntax", "    DEFine  vdev"]);
    user.has_file(0x190, "DISPLAY HELPCP", 2, &["## Syntax", "    Display  hexloc"]);
    user.has_file(0x190, "SENDFILE HELPCMS", 2, &["SENDFILE"]);
    user.ipl("AUTOCR", &[]);
    for topic in ["m", "mess", "msgnoh", "msgno"] {
        let known = user.enters(&format!("help {topic}"))[0] == "MESSAGE";
        assert_eq!(known, topic != "msgno", "{topic}");
    }
    assert_eq!(user.does("help cp d")[1], "    Display  hexloc", "the one that D means, not the first that begins with it");
    assert_eq!(user.does("help cp de")[1], "    DEFine  vdev", "what means nothing yet begins a name");
    assert_eq!(user.does("help send"), ["SENDFILE"]);
    assert_eq!(user.fails("help example").0, 28);
    assert_eq!(user.fails("help other").0, 28);
}

/// The help files of the project: component, name and text.
pub fn help_texts() -> Vec<(&'static str, String, String)> {
    let texts = ["cms", "cp"].into_iter().flat_map(|component| {
        let folder = format!("{}/../docs/help/{component}", env!("CARGO_MANIFEST_DIR"));
        std::fs::read_dir(folder).expect("help files").map(move |file| {
            let path = file.expect("a help file").path();
            let name = path.file_stem().and_then(|name| name.to_str()).expect("a name").to_string();
            (component, name, std::fs::read_to_string(&path).expect("text"))
        })
    });
    texts.collect()
}

/// A user whose system disk has the help files of the project.
pub fn reader() -> User {
    let mut user = User::before_ipl("CMSUSER");
    user.add_disk(0x190, "CMS190", 2000);
    for (component, name, text) in help_texts() {
        let lines: Vec<&str> = text.lines().map(|line| if line.is_empty() { " " } else { line }).collect();
        user.has_file(0x190, &format!("{name} HELP{}", component.to_ascii_uppercase()), 2, &lines);
    }
    user.ipl("AUTOCR", &[]);
    user
}

#[test]
fn help_shows_the_parts_of_a_text_that_are_asked_for() {
    let mut user = reader();
    let headings = |shown: &[String]| {
        let known = ["Syntax", "What it does", "Operands", "Options", "Messages", "Example", "Responses"];
        shown.iter().filter(|line| known.contains(&line.as_str())).cloned().collect::<Vec<_>>()
    };
    let brief = user.does("help copyfile (brief");
    assert_eq!(brief[0], "COPYFILE");
    assert_eq!(headings(&brief), ["Syntax", "Example"]);
    assert_eq!(headings(&user.does("help copyfile (form opt")), ["Syntax", "Options"]);
    assert_eq!(headings(&user.does("help copyfile (errors")), ["Messages"]);
    assert_eq!(headings(&user.does("help set (parms noscreen")), ["Operands"]);
    assert_eq!(headings(&user.does("help cp link (descript")), ["What it does"]);
    assert_eq!(headings(&user.does("help copyfile (detail")), ["Syntax", "What it does", "Options", "Messages", "Example"]);
    assert!(user.does("help ho (related").contains(&"  HELP SVCTRACE".to_string()));
    let (code, shown) = user.fails("help ho (options");
    assert_eq!((code, shown), (28, vec!["DMSHLP254E HELP has nothing of that kind on HO".into()]));
    assert_eq!(user.fails("help ho (nonsense"), (24, vec!["DMSHLP003E Invalid option: NONSENSE".into()]));
}

#[test]
fn help_finds_entries_tasks_and_messages() {
    let mut user = reader();
    let shown = user.does("help set emsg");
    assert_eq!(shown[0], "SET");
    assert!(shown.iter().any(|line| line.trim_start().starts_with("EMSG       messages with number")), "{shown:?}");
    assert!(shown.iter().any(|line| line.contains("only the number")), "the lines that go on: {shown:?}");
    assert_eq!(user.does("help cmsset emsg"), shown);
    assert!(user.does("help cpquery time")[0].starts_with("QUERY"));
    assert_eq!(user.fails("help set nonsense").0, 28);
    let tasks = user.does("help tasks");
    assert!(tasks.contains(&"  COPYFILE  Copy, combine or convert files.".to_string()), "{tasks:?}");
    assert!(tasks.iter().filter(|line| line.starts_with("  ")).count() > 50);
    assert!(tasks.iter().all(|line| line.chars().count() < 80), "{tasks:?}");
    assert!(tasks.windows(2).any(|lines| lines[1] == "            storage." && lines[0].starts_with("  DEFINE ")), "{tasks:?}");
    let shown = user.does("help dmsers002e");
    assert_eq!(shown[0], "ERASE (HELP CMS ERASE)");
    assert!(shown[1].contains("DMSERS002E File fn ft fm not found") && shown[1].ends_with("rc 28"), "{shown:?}");
    assert_eq!(shown.len(), 2);
    assert!(user.does("help dms002").len() > 20, "everybody who says it");
    assert_eq!(user.does("help msg hcplnm114e")[0], "LINK (HELP CP LINK)");
    assert_eq!(user.does("help dmsxxx389e"), ["DMS389 E Invalid operand: &1"], "one that only EXECs give");
    assert_eq!(user.fails("help dmsabc999e"), (28, vec!["DMSHLP254E HELP cannot find the information you requested: DMSABC999".into()]));
    assert_eq!(user.fails("help message nonsense").0, 28);
    // MESSAGE alone is the command.
    assert_eq!(user.does("help message")[0], "MESSAGE");
}

#[test]
fn every_command_has_a_help_file() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/help/cms");
    for name in shell::command_names::<Double>() {
        let path = format!("{folder}/{name}.md");
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
        assert!(text.starts_with(&format!("# {name}")), "{path} begins with its title");
        let too_wide: Vec<_> = text.lines().filter(|line| line.chars().count() > 79).collect();
        assert!(too_wide.is_empty(), "{path}: {too_wide:?}");
    }
}

#[test]
fn help_shows_every_command_whole_and_in_brief() {
    let mut user = reader();
    for name in shell::command_names::<Double>() {
        let whole = user.does(&format!("help cms {name}"));
        assert_eq!(whole[0], name);
        let text = whole.join("\n");
        // Another name of a command has its syntax, and a word on whose name it is.
        let other_name = text.contains("HELP ") && whole.len() < 20;
        assert!(text.contains("\nSyntax\n") && (text.contains("\nWhat it does\n") || other_name), "{name}: {text}");
        assert!(whole.iter().all(|line| line.chars().count() < 80 && !line.contains("```")), "{name}: {text}");
        let brief = user.does(&format!("help cms {name} (brief"));
        assert!(brief[0] == name && brief.len() <= whole.len(), "{name}: {brief:?}");
    }
}

/// Words that commands are made of.
fn word() -> impl Strategy<Value = String> {
    let known: Vec<String> = shell::command_names::<Double>()
        .into_iter()
        .filter(|name| name != "ABEND")
        .chain(
            ["*", "=", "(", ")", "A", "B", "A1", "README", "MD", "191", "192", "1", "TO", "REPLACE", "FROM", "RECFM", "F"]
                .map(String::from),
        )
        .collect();
    prop_oneof![4 => proptest::sample::select(known), 1 => "[ -~]{0,12}"]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_line_kills_the_shell(lines in proptest::collection::vec(proptest::collection::vec(word(), 0..8), 1..8)) {
        let mut user = User::before_ipl("CMSUSER");
        user.add_disk(0x191, "MNT191", 60);
        user.add_disk(0x192, "MNT192", 60);
        user.has_file(0x191, "README MD", 1, &["one", "two"]);
        user.ipl("AUTOCR", &[]);
        for line in lines {
            user.enters(&line.join(" "));
        }
        user.does("cp query time");
    }

    #[test]
    fn no_spool_file_kills_the_shell(
        device in proptest::sample::select(b"UPCRX".to_vec()),
        name in "[ -~]{0,12}",
        records in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..100), 0..10),
    ) {
        let mut user = User::new();
        let records: Vec<&[u8]> = records.iter().map(Vec::as_slice).collect();
        user.world.borrow_mut().arrives(device, &name, "FILE", &records);
        user.enters("receive");
        user.enters("receive 1 any name a (replace");
        user.does("cp query time");
    }
}
