//! Passwords: hashed once, kept, never shown.

use super::*;

#[test]
fn clear_text_is_replaced_by_tokens_and_nothing_else_changes() {
    let source = "* keep SECRET1 here\r\nuser  a  Secret1  16M\t16M G\n\n  mdisk 191 3390 1 1 V MR ALL Secret2 Secret3   \nUSER B Secret1";
    let compiled = good(source);
    let stored = &compiled.stored_source;
    assert!(!stored.contains("Secret"), "{stored}");
    let words = |text: &str| -> Vec<String> {
        let hashed = |word: &str| {
            if word.starts_with("$argon2id$") { "(token)".to_owned() } else { word.to_owned() }
        };
        text.split_inclusive(char::is_whitespace)
            .map(|piece| {
                let word = piece.trim_end();
                hashed(word) + &piece[word.len()..]
            })
            .collect()
    };
    let expected = source.replace("Secret1", "(token)").replace("Secret2", "(token)").replace("Secret3", "(token)");
    assert_eq!(words(stored).concat(), expected);

    // The stored text is accepted in turn, asks for no hashing and says the same.
    let again = good(stored);
    assert_eq!((&again.stored_source, &again.directory), (stored, &compiled.directory));
    let (a, b) = (entry(&again, "A"), entry(&again, "B"));
    assert!(verify(&a.password, "Secret1") && verify(&b.password, "Secret1"));
    assert_ne!(a.password, b.password, "each secret has a salt of its own");
    assert!(verify_link(&a.minidisks[0].multiple, "Secret3"));
}

#[test]
fn a_password_in_capitals_is_typed_in_any_case_and_another_is_not() {
    let compiled = good("USER A GEHEIM\nUSER B Geheim\nUSER C NOPASS\nUSER D AUTOONLY\nUSER E LBYONLY\n");
    let password = |name| entry(&compiled, name).password;
    assert!(verify(&password("A"), "GEHEIM") && verify(&password("A"), "geheim"));
    assert!(verify(&password("B"), "Geheim") && !verify(&password("B"), "geheim") && !verify(&password("B"), "GEHEIM"));
    for typed in ["", "x", &"x".repeat(10_000)] {
        assert!(!verify(&password("A"), typed));
        assert!(verify(&password("C"), typed));
        assert!(!verify(&password("D"), typed) && !verify(&password("E"), typed));
    }
}

#[test]
fn no_secret_and_no_token_is_ever_shown() {
    let compiled = good("USER A Geheim\nMDISK 191 3390 1 1 V MR ALL Offen\n");
    let shown = format!("{:?} {}", compiled.directory, serde_json::to_string(&compiled.directory).unwrap());
    for secret in ["Geheim", "Offen", "argon2id"] {
        assert!(!shown.contains(secret), "{shown}");
    }
    assert!(shown.contains("HASHED"));
    assert!(!errors("USER A NOLOG\nMDISK 191 3390 1 1 V MR p1 p2 p3 Geheim\n").concat().contains("Geheim"));
}

#[test]
fn a_token_that_would_stop_cp_is_refused() {
    let token = entry(&good("USER A Geheim\n"), "A").password;
    let token = token.operand().to_owned();
    assert!(token.starts_with("$argon2id$v=19$m=8,t=1,p=1$"), "{token}");
    for costly in ["m=4194304,t=1,p=1", "m=8,t=1000,p=1", "m=8000,t=1,p=200"] {
        let source = format!("USER A {}\n", token.replace("m=8,t=1,p=1", costly));
        assert_eq!(errors(&source), ["Password token is not a usable argon2id hash (line 1, column 8)"], "{costly}");
    }
    let other_algorithm = format!("USER A {}\n", token.replace("argon2id", "argon2i"));
    // Not argon2id: it is taken for clear text, and hashed as such.
    assert!(!entry(&good(&other_algorithm), "A").password.operand().contains("$argon2i$"));
}

#[test]
fn the_default_costs_are_the_owasp_minimum() {
    let hash = Argon2id::default().hash("x").unwrap();
    assert!(hash.token().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", hash.token());
    assert_eq!(Argon2id::default().hash(""), Err(SecretError::BadLength));
}

#[test]
fn hashing_on_several_threads_keeps_each_secret_with_its_user() {
    let source: String = (0..40).map(|n| format!("USER U{n:02} Password{n}\n")).collect();
    let compiled = good(&source);
    for n in 0..40 {
        assert!(verify(&entry(&compiled, &format!("U{n:02}")).password, &format!("Password{n}")), "U{n:02}");
    }
}

#[test]
fn a_secret_on_a_card_takes_the_sequence_number_with_it() {
    let card = format!("{:<72}{}\n", "USER A GEHEIM 16M 16M G", "00000100");
    let source = format!("{card} IPL CMS\n");
    let compiled = good(&source);
    assert!(compiled.stored_source.ends_with(" 16M 16M G\n IPL CMS\n"), "{}", compiled.stored_source);
    assert!(compiled.warnings.is_empty());
}

#[test]
fn a_hasher_that_fails_leaves_no_half_directory() {
    struct Broken;
    impl SecretHasher for Broken {
        fn hash(&self, _: &str) -> Result<SecretHash, SecretError> {
            Err(SecretError::HashFailed)
        }
    }
    let failed = compile("USER A x\nUSER B y\n", &Broken).unwrap_err();
    assert_eq!(failed.len(), 2);
    assert_eq!(failed[1].to_string(), "Password could not be hashed (line 2, column 8)");
}
