//! Random sources: no panic, and rules that hold for all of them.

use proptest::prelude::*;

use super::super::edit::{add_user, set_password};
use super::*;

/// Lines that look like a directory, whole and broken.
fn directory_text() -> impl Strategy<Value = String> {
    let words = prop::sample::select(vec![
        "USER",
        "PROFILE",
        "INCLUDE",
        "IPL",
        "MACHINE",
        "CONSOLE",
        "SPOOL",
        "MDISK",
        "LINK",
        "SHARE",
        "OPTION",
        "CLASS",
        "ACCOUNT",
        "AUTOLOG",
        "LOGONBY",
        "COMMAND",
        "STORAGE",
        "DEDICATE",
        "NICDEF",
        "*",
        ",",
        "A",
        "MAINT",
        "NOLOG",
        "16M",
        "1G",
        "G",
        "0191",
        "190",
        "3390",
        "3215",
        "2540",
        "READER",
        "1",
        "100",
        "END",
        "T-DISK",
        "V-DISK",
        "FB-512",
        "DEVNO",
        "VOL001",
        "MR",
        "MWV",
        "RR",
        "ALL",
        "RELATIVE",
        "ABSOLUTE",
        "5%",
        "LIMITHARD",
        "QUICKDSP",
        "PARM",
        "$argon2id$x",
        "é",
        "4294967295",
        "99999999999",
    ]);
    let line = prop::collection::vec(words, 0..8).prop_map(|words| words.join(" "));
    prop::collection::vec(line, 0..30).prop_map(|lines| lines.join("\n"))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_answered_without_a_panic(source in any::<String>()) {
        let _ = compile(&source, &light());
    }

    #[test]
    fn any_statements_are_answered_and_every_place_is_in_the_source(source in directory_text()) {
        let lines = u32::try_from(source.lines().count()).unwrap().max(1);
        match compile(&source, &light()) {
            Ok(compiled) => prop_assert!(compiled.warnings.iter().all(|w| (1..=lines).contains(&w.at.line))),
            Err(errors) => {
                prop_assert!(!errors.is_empty());
                prop_assert!(errors.iter().all(|e| (1..=lines).contains(&e.at.line) && e.at.column >= 1));
            }
        }
    }

    #[test]
    fn what_compiles_is_stored_so_that_it_compiles_to_the_same(source in directory_text()) {
        if let Ok(compiled) = compile(&source, &light()) {
            let again = compile(&compiled.stored_source, &light());
            prop_assert!(again.is_ok());
            let again = again.unwrap();
            prop_assert_eq!(again.directory, compiled.directory);
            prop_assert_eq!(again.stored_source, compiled.stored_source);
        }
    }

    #[test]
    fn setting_a_password_changes_one_word_of_one_line(
        names in prop::collection::btree_set("[A-H][A-Z0-9]{0,6}", 1..8), pick in any::<prop::sample::Index>(), blanks in 1_usize..5,
    ) {
        let gap = " ".repeat(blanks);
        let source: String = names.iter().map(|n| format!("* {n}\n{gap}user{gap}{n}{gap}NOLOG  16M\n  IPL CMS PARM {n}\n\n")).collect();
        let names: Vec<_> = names.into_iter().collect();
        let target = pick.get(&names);
        let edited = set_password(&source, userid(target), &Password::AutoOnly).unwrap();
        let expected = format!("{gap}user{gap}{target}{gap}AUTOONLY  16M");
        let before: Vec<_> = source.lines().collect();
        let after: Vec<_> = edited.lines().collect();
        prop_assert_eq!(before.len(), after.len());
        let changed: Vec<_> = before.iter().zip(&after).filter(|(b, a)| b != a).map(|(_, a)| *a).collect();
        prop_assert_eq!(changed, [expected.as_str()]);
    }

    #[test]
    fn users_added_in_any_sizes_never_overlap(sizes in prop::collection::vec(1_u32..40_000, 1..8)) {
        let mut source = default_source().to_owned();
        for (number, cylinders) in sizes.iter().enumerate() {
            source = add_user(&source, &new_user(&format!("U{number}"), *cylinders)).unwrap();
        }
        // Overlaps are errors, so that it compiles is the proof.
        prop_assert_eq!(good(&source).directory.users.len(), 3 + sizes.len());
    }
}
