//! Changing a directory: the first one, edits by host tools, putting it on line.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::super::edit::{EditError, add_user, remove_user, set_password};
use super::super::store::{self, ONLINE_FILE, SOURCE_FILE, StoreError};
use super::*;

#[test]
fn the_first_directory_has_the_three_users_and_no_password() {
    let compiled = good(default_source());
    assert!(compiled.warnings.is_empty(), "{:?}", compiled.warnings);
    assert_eq!(compiled.stored_source, default_source());
    let classes = |name| entry(&compiled, name).classes.to_string();
    assert_eq!((classes("OPERATOR"), classes("MAINT"), classes("CMSUSER")), ("ABCDEG".into(), "ABCDEFG".into(), "G".into()));
    for user in compiled.directory.users.values() {
        assert_eq!(user.password, Password::AutoOnly);
        assert_eq!(user.ipl.as_ref().unwrap().parm.as_deref(), Some("AUTOCR"));
        assert_eq!(user.console.as_ref().unwrap().vdev, DeviceNumber(9));
        assert_eq!(user.spool.iter().map(|s| s.vdev.0).collect::<Vec<_>>(), [0xc, 0xd, 0xe]);
        for system in [0x190, 0x19d, 0x19e] {
            let own = user.minidisk(DeviceNumber(system)).is_some();
            let linked = user.links.iter().any(|l| l.as_vdev == DeviceNumber(system) && l.mode == LinkMode::Rr);
            assert!(own != linked && own == (user.userid == userid("MAINT")));
        }
    }
    let cms = compiled.directory.minidisk(&userid("CMSUSER"), DeviceNumber(0x191)).unwrap();
    assert_eq!((cms.cylinders(), cms.blocks()), (Some(50), Some(9000)));
}

#[test]
fn a_new_user_gets_room_that_nobody_has() {
    let source = add_user(default_source(), &new_user("FIRST", 100)).unwrap();
    let source = add_user(&source, &new_user("SECOND", 10)).unwrap();
    assert!(source.starts_with(default_source()), "the rest is untouched");
    let compiled = good(&source);
    let disk = |name: &str| compiled.directory.minidisk(&userid(name), DeviceNumber(0x191)).unwrap().clone();
    assert_eq!(disk("FIRST").extent, Extent::Cylinders { start: 51, count: 100 });
    assert_eq!(disk("SECOND").extent, Extent::Cylinders { start: 151, count: 10 });
    assert!(verify(&entry(&compiled, "SECOND").password, "Geheim"));

    // A gap that fits is used; one that does not is passed over; a full volume leads to the next.
    let source = remove_user(&source, userid("FIRST")).unwrap();
    let source = add_user(&source, &new_user("THIRD", 101)).unwrap();
    let source = add_user(&source, &new_user("FOURTH", 100)).unwrap();
    let source = add_user(&source, &new_user("FIFTH", 65_300)).unwrap();
    let compiled = good(&source);
    let disk = |name: &str| compiled.directory.minidisk(&userid(name), DeviceNumber(0x191)).unwrap().clone();
    assert_eq!(disk("THIRD").extent, Extent::Cylinders { start: 161, count: 101 });
    assert_eq!(disk("FOURTH").extent, Extent::Cylinders { start: 51, count: 100 });
    assert_eq!((disk("FIFTH").volid.unwrap().as_str(), disk("FIFTH").extent), ("USR002", Extent::Cylinders { start: 1, count: 65_300 }));
    assert_eq!(add_user(&source, &new_user("SIXTH", 65_520)), Err(EditError::NoRoom(65_520)));
}

#[test]
fn changes_that_cannot_be_made_say_why() {
    let source = default_source();
    assert_eq!(add_user(source, &new_user("MAINT", 1)), Err(EditError::UserExists(userid("MAINT"))));
    assert_eq!(remove_user(source, userid("NOBODY")), Err(EditError::NoSuchUser(userid("NOBODY"))));
    assert_eq!(set_password(source, userid("NOBODY"), &Password::NoLog), Err(EditError::NoSuchUser(userid("NOBODY"))));
    let mut orphan = new_user("ORPHAN", 1);
    orphan.profile = Some(userid("NOPROF"));
    let refused = add_user(source, &orphan).unwrap_err();
    assert!(refused.to_string().contains("Profile NOPROF is not defined"), "{refused}");
    assert!(matches!(add_user("FROB\n", &new_user("A", 1)), Err(EditError::Source(_))));
}

#[test]
fn a_removed_user_leaves_no_trace_and_no_gap() {
    let added = add_user(default_source(), &new_user("GUEST", 5)).unwrap();
    let removed = remove_user(&added, userid("GUEST")).unwrap();
    assert_eq!(removed.trim_end(), default_source().trim_end());
    let without = remove_user(default_source(), userid("MAINT")).unwrap();
    assert!(without.contains("* A user to begin with.") && without.contains("USER OPERATOR") && !without.contains("3390 00001 00100"));
}

#[test]
fn put_online_is_all_or_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    assert!(matches!(store::load(dir), Err(StoreError::Missing(_))));
    assert!(matches!(store::put_online_with(dir, &light()), Err(StoreError::Missing(_))));

    fs::write(dir.join(SOURCE_FILE), default_source()).unwrap();
    store::put_online(dir).unwrap();
    let before = store::load(dir).unwrap();
    assert_eq!(before.users.len(), 3);

    // An edit changes nothing until DIRECTXA, and a bad one not even then.
    let bad = default_source().to_owned() + "USER NEW Geheim\n FROB\n";
    fs::write(dir.join(SOURCE_FILE), &bad).unwrap();
    let online = fs::read(dir.join(ONLINE_FILE)).unwrap();
    assert!(matches!(store::put_online_with(dir, &light()), Err(StoreError::Errors { errors, .. }) if errors.len() == 1));
    assert_eq!(fs::read_to_string(dir.join(SOURCE_FILE)).unwrap(), bad);
    assert_eq!(fs::read(dir.join(ONLINE_FILE)).unwrap(), online);

    // What a crash left behind does no harm, even when it is a link to something precious.
    fs::write(dir.join("precious"), "kept").unwrap();
    std::os::unix::fs::symlink("precious", dir.join("user.direct.new")).unwrap();
    fs::write(dir.join("directory.online.new"), "USER TORN").unwrap();
    fs::write(dir.join(SOURCE_FILE), bad.replace(" FROB\n", "")).unwrap();
    let updated = store::put_online_with(dir, &light()).unwrap();
    assert_eq!(updated.directory, store::load(dir).unwrap());
    assert!(verify(&updated.directory.users[&userid("NEW")].password, "Geheim"));
    assert_eq!(fs::read_to_string(dir.join("precious")).unwrap(), "kept");
    for name in [SOURCE_FILE, ONLINE_FILE] {
        let path = dir.join(name);
        assert!(!fs::read_to_string(&path).unwrap().contains("Geheim"), "{name}");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600, "{name}");
    }
    let names: Vec<_> = fs::read_dir(dir).unwrap().map(|f| f.unwrap().file_name().into_string().unwrap()).collect();
    assert!(!names.iter().any(|name| name.ends_with(".new")), "{names:?}");
}

#[test]
fn host_changes_go_through_the_same_door() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    fs::write(dir.join(SOURCE_FILE), default_source()).unwrap();
    store::put_online(dir).unwrap();
    let password = Password::Hashed(light().hash("Neu").unwrap());
    store::update(dir, &light(), |source| set_password(source, userid("CMSUSER"), &password)).unwrap();
    assert!(verify(&store::load(dir).unwrap().users[&userid("CMSUSER")].password, "Neu"));
    let missing = store::update(dir, &light(), |source| remove_user(source, userid("NOBODY"))).unwrap_err();
    assert_eq!(missing.to_string(), "User NOBODY is not in the directory");
}

#[test]
fn an_edit_saved_while_compiling_is_not_overwritten() {
    struct Editor(std::path::PathBuf);
    impl SecretHasher for Editor {
        fn hash(&self, clear: &str) -> Result<SecretHash, SecretError> {
            fs::write(&self.0, "USER LATER NOLOG\n").unwrap();
            light().hash(clear)
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(SOURCE_FILE);
    fs::write(&path, "USER A Geheim\n").unwrap();
    assert!(matches!(store::put_online_with(folder.path(), &Editor(path.clone())), Err(StoreError::Changed(_))));
    assert_eq!(fs::read_to_string(&path).unwrap(), "USER LATER NOLOG\n");
    assert!(!folder.path().join(ONLINE_FILE).exists());
}

#[test]
fn damaged_files_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    fs::write(dir.join(SOURCE_FILE), b"USER A NOLOG\nUSER \xff NOLOG\n").unwrap();
    let refused = store::put_online_with(dir, &light()).unwrap_err();
    assert!(refused.to_string().ends_with("user.direct, line 2: not UTF-8 text"), "{refused}");
    fs::write(dir.join(ONLINE_FILE), "USER A Geheim\n").unwrap();
    let refused = store::load(dir).unwrap_err().to_string();
    assert!(
        refused.ends_with("directory.online has 1 error(s); first: Clear-text password in a directory that is on line (line 1, column 8)"),
        "{refused}"
    );
}
